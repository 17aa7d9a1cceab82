"""The function behind `filmrequest/<thing>`: the cloud's own scores of a device's picks."""
