/* Room that is read all over at every call, in pages as large as the system gives: with small ones,
 * where they happen to lie decides how much of the room stays in the processor's caches, and looking
 * them up takes longer than reading them. */
#ifndef ROUTER_PAGES_H
#define ROUTER_PAGES_H

#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

enum { LARGE_PAGE = 2 * 1024 * 1024 };

/* Zeros, so many bytes of them; NULL if there is no room. To be given to free(). Little is not worth a
 * large page. */
static void *room_in_large_pages(size_t size) {
    void *room = NULL;
    if (size < LARGE_PAGE / 8) return calloc(size ? size : 1, 1);
    const size_t whole = (size + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    if (posix_memalign(&room, LARGE_PAGE, whole) != 0) return NULL;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    madvise(room, whole, MADV_HUGEPAGE); /* a wish: without them it works as well */
#endif
    memset(room, 0, whole);
    return room;
}

#endif
