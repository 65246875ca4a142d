"""The HTTP contract: requests, responses, problems, and the OpenAPI document."""
