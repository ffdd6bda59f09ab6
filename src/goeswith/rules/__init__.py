"""What a shop decides about its recommendations: rules that stay."""
