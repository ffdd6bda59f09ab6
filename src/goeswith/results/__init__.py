"""What recommendations earn: logged answers, estimates from them, experiments."""
