"""Soak: does a service stay as it is under load that goes on?"""
