# The package's library is compiled already.
target_compile_definitions(millrace_settings PRIVATE TOML_HEADER_ONLY=0 TOML_SHARED_LIB=1)
