"""TensorBoard on chosen runs, opened where they answer a question."""
