"""The numbers that others published of the shipped networks: each reproduced, or its difference explained."""
