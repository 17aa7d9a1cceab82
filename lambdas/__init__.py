"""The AWS side: the functions, the stack, the tools that deploy it, and the cloud on a desk."""
