"""What photographs are measured with: a judge, and two peers' rules."""
