"""Analysis of image files without decoding: format, estimated decoding cost, truncation."""
