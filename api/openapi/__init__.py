"""The words and schemas of the OpenAPI document."""
