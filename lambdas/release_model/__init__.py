"""The function behind a training job's end: it releases what the gate found better."""
