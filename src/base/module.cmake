# The test that compares docs/metrics.md with the table has to find it.
set_source_files_properties(${folder}/metrics_test.cc PROPERTIES
  COMPILE_DEFINITIONS "MILLRACE_SOURCE_DIR=\"${CMAKE_SOURCE_DIR}\"")
