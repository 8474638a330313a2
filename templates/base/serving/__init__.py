"""What the services of this project share: the application around a model, never a model of its own.

The parts compose. A model service uses them all; a proxy, which holds no model, uses the application factory, intake,
telemetry, errors and the protocol, and hands its own backend to the protocol's routes.
"""
