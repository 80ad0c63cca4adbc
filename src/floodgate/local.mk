# src/floodgate
