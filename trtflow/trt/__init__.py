"""TensorRT itself: what an installed version can do, how an engine is asked for, what was built."""
