"""The appliance's models: offered, checked, tried, activated, rolled back."""
