"""The function behind the schedule: it starts a training job, unless there is a reason not to."""
