"""What a person types to deploy, provision, publish and retrain: the operator's tools."""
