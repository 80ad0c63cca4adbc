# src/floodgatectl
