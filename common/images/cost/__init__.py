"""What decoding an image file costs, estimated from its header and markers before anything is decoded."""
