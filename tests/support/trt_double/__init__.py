"""A double of the ``tensorrt`` package: the members and signatures of one version, executed by trtflow's emulator."""
