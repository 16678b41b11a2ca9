"""Qwen-Audio: speech, sounds, music and text in, text out."""
