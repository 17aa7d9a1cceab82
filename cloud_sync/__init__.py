"""The service between the appliance and AWS: feedback up, model updates down, verification."""
