"""Wire shapes: what requests and answers look like."""
