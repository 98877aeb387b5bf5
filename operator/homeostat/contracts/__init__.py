"""The custom resources as pydantic models: the one source of validation and of the generated CRDs."""
