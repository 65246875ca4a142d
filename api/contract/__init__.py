"""What gateway and clients say to each other: requests, answers, problems, and their OpenAPI document."""
