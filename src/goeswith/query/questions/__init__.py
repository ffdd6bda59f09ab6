"""A question to the shopper that narrows recommendations down."""
