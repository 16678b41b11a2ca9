"""The network: audio encoder, pooling, projection, decoder and the splice."""
