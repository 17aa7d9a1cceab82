"""The film model: from films to expected stars and the distribution over 1 to 10."""
