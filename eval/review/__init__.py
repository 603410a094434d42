"""Second looks on recorded answers: what a review would have cost and scored."""
