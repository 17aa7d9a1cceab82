"""The function behind `filmupdate/<thing>`: feedback into the table and the bucket, then an ack."""
