"""From films to a signed model."""
