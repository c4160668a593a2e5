# Run as a script: writes OUTPUT, a C++ source with the text of every IDL file of the folder INPUT and
# of names.tsv, and with what is in each file, found by pattern: UUIDs, interfaces, enums
# (src/builtin/embedded.h).
# cmake -DINPUT=dir -DOUTPUT=file.cc -P EmbedIdl.cmake

# Compilers limit the length of one literal; adjacent literals are joined.
function(append_literal out file)
  file(READ ${file} content)
  string(LENGTH "${content}" length)
  set(at 0)
  set(literal "")
  while(at LESS length)
    string(SUBSTRING "${content}" ${at} 8000 part)
    string(APPEND literal "R\"rpcm_idl(${part})rpcm_idl\"\n")
    math(EXPR at "${at} + 8000")
  endwhile()
  # sv: the compiler knows the length; counting characters exceeds what it evaluates at compile time.
  set(${out} "${${out}}${literal}\"\"sv" PARENT_SCOPE)
endfunction()

# The words that REGEX's first group matches in `content`, each once, joined by blanks.
function(find_words out content regex)
  string(REGEX MATCHALL "${regex}" found "${content}")
  set(words "")
  foreach(match IN LISTS found)
    if(match MATCHES "^${regex}$")
      list(APPEND words "${CMAKE_MATCH_1}")
    endif()
  endforeach()
  list(REMOVE_DUPLICATES words)
  list(JOIN words " " words)
  set(${out} "${words}" PARENT_SCOPE)
endfunction()

file(GLOB files ${INPUT}/*.idl)
list(SORT files)
set(text "// Generated from interfaces/.\n#include \"builtin/embedded.h\"\nnamespace rpcmarshal {\nusing namespace std::literals;\nstd::span<const EmbeddedFile> embedded_interfaces() {\n  static constexpr EmbeddedFile files[] = {\n")
set(word "[A-Za-z_][A-Za-z0-9_]*")
set(hex "[0-9A-Fa-f]")
foreach(file ${files})
  get_filename_component(name ${file} NAME)
  file(READ ${file} content)
  # Lists and brackets are no business of the patterns.
  string(REGEX REPLACE "[][;]" " , " content "${content}")
  find_words(uuids "${content}" "uuid[ \t\r\n]*\\([ \t\r\n\"]*(${hex}+-${hex}+-${hex}+-${hex}+-${hex}+)")
  string(TOLOWER "${uuids}" uuids)
  find_words(interfaces "${content}" "interface[ \t\r\n]+(${word})")
  find_words(tags "${content}" "enum[ \t\r\n]+(${word})")
  find_words(typedefs "${content}" "}[ \t\r\n]*(${word})")
  string(APPEND text "    {\"${name}\",\n")
  append_literal(text ${file})
  string(APPEND text "    ,\"${uuids} \", \" ${interfaces} \",\n    \" ${tags} ${typedefs} \"},\n")
endforeach()
string(APPEND text "  };\n  return files;\n}\nstd::string_view embedded_names() {\n  return\n")
append_literal(text ${INPUT}/names.tsv)
string(APPEND text ";\n}\n}  // namespace rpcmarshal\n")
file(WRITE ${OUTPUT} "${text}")
