"""The AWS side: functions, template, and the local cloud."""
