"""From a file, bytes or an array to 16 kHz samples and log-mel frames."""
