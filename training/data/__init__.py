"""What a step of training sees: covers, texts, photographs, and how albums are split."""
