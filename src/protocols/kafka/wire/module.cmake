# C++ from schema/*.api, in the build directory. An edit of a description or of the generator makes it anew.
set(millrace_wire_out ${CMAKE_BINARY_DIR}/generated/protocols/kafka/wire/gen)
set(millrace_wire_script ${folder}/generate.py)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
file(GLOB millrace_wire_schema CONFIGURE_DEPENDS ${folder}/schema/*.api)

set(millrace_wire_files ${millrace_wire_out}/api_keys.h ${millrace_wire_out}/api_table.cc ${millrace_wire_out}/messages.h)
add_custom_command(
  OUTPUT ${millrace_wire_files}
  COMMAND Python3::Interpreter -B ${millrace_wire_script} table ${millrace_wire_out} ${millrace_wire_schema}
  DEPENDS ${millrace_wire_script} ${folder}/schema.py ${millrace_wire_schema}
  COMMENT "Kafka messages: table"
  VERBATIM)
foreach(description IN LISTS millrace_wire_schema)
  get_filename_component(stem ${description} NAME_WE)
  set(outputs ${millrace_wire_out}/${stem}.h ${millrace_wire_out}/${stem}.cc ${millrace_wire_out}/${stem}_fields.h)
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND Python3::Interpreter -B ${millrace_wire_script} api ${description} ${millrace_wire_out}
    DEPENDS ${millrace_wire_script} ${folder}/schema.py ${description}
    COMMENT "Kafka messages: ${stem}"
    VERBATIM)
  list(APPEND millrace_wire_files ${outputs})
endforeach()

target_sources(${target} PRIVATE ${millrace_wire_files})
target_include_directories(${target} PUBLIC ${CMAKE_BINARY_DIR}/generated)
