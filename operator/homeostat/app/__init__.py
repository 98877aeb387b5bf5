"""The composition root: settings, kopf, health and the running of it all."""
