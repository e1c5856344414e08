"""The page of all networks that convcost ships."""
