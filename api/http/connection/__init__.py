"""HTTP/1.1 connections: strict request heads, pipelining, flow control, refusals."""
