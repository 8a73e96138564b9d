"""Scientific models: arrays in, arrays out."""
