"""The owner's settings, the configuration as a file, and the doctor."""
