"""What a model can do, measured on clips it never learnt from."""
