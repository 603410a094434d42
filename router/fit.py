"""Whether an artifact and a catalog fit each other: same tiers, same measure of adequate."""

from router.catalog import Catalog
from router.errors import ArtifactError
from router.predict.artifact import Artifact


def check_fit(artifact: Artifact, catalog: Catalog) -> None:
    """Refuse an artifact that was not trained for a catalog's tiers.

    Raises:
        ArtifactError: the artifact does not predict for exactly the catalog's tiers in the same
            order, or for another threshold of adequacy.
    """
    if artifact.tier_names != catalog.tier_names:
        raise ArtifactError(
            f"{artifact.directory}: predicts for tiers {list(artifact.tier_names)}, the catalog "
            f"{catalog.name!r} has {list(catalog.tier_names)}: use the catalog it was trained "
            "with, or train again with 'make train CATALOG=...'",
            reason="ARTIFACT_TIERS",
            metadata={"file": str(artifact.directory)},
        )
    if artifact.manifest.adequate_quality != catalog.adequate_quality:
        raise ArtifactError(
            f"{artifact.directory}: trained for adequate_quality "
            f"{artifact.manifest.adequate_quality}, the catalog {catalog.name!r} says "
            f"{catalog.adequate_quality}: make them equal or train again",
            reason="ARTIFACT_TIERS",
            metadata={"file": str(artifact.directory)},
        )
