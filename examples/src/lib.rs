//! The examples are in the folder `examples`: one runnable story per file.
