#include "idl/preprocessor.h"

#include <algorithm>
#include <deque>
#include <span>

#include "idl/expression.h"

namespace rpcmarshal::idl {
namespace {

constexpr std::size_t kMacroDepth = 32;
constexpr std::size_t kConditionalDepth = 256;

class Preprocessor {
 public:
  Preprocessor(std::string_view text, std::uint32_t file, Macros& macros, std::size_t& budget,
               Reporter& reporter)
      : lexer_(text, file), macros_(macros), budget_(budget), reporter_(reporter) {
    ahead_ = lexer_.next();
  }

  std::vector<Token> run() {
    while (!ahead_.is_end()) {
      if (annotation_ == 0 && ahead_.first_on_line && ahead_.is("#")) {
        directive();
        continue;
      }
      Token token = take();
      if (skipping()) continue;
      if (token.kind == Token::Kind::kBad) {
        bad(token);
        continue;
      }
      if (token.kind == Token::Kind::kAnnotationOpen) annotation_ = 1;
      if (token.kind == Token::Kind::kAnnotationClose) annotation_ = 0;
      if (annotation_ || !token.is_identifier() || !macros_.contains(token.text)) {
        put(token);
      } else {
        expand(token);
      }
      if (exhausted_) break;
    }
    if (!conditions_.empty() && !exhausted_) {
      reporter_.warn(conditions_.back().place, "#if has no #endif",
                     "the rest of the file depends on it", "add #endif");
    }
    out_.push_back({Token::Kind::kEnd, true, ahead_.place, {}});
    return std::move(out_);
  }

 private:
  struct Condition {
    bool active;     // this branch is read
    bool satisfied;  // this or an earlier branch was read
    Place place;
  };

  Token take() {
    Token token = ahead_;
    ahead_ = lexer_.next();
    return token;
  }
  bool skipping() const { return !conditions_.empty() && !conditions_.back().active; }

  void put(const Token& token) {
    if (budget_ == 0) {
      if (!exhausted_) {
        reporter_.error(token.place, "too many tokens", "the rest of the file is not read",
                        "split the file, or remove macros that multiply");
      }
      exhausted_ = true;
      return;
    }
    --budget_;
    out_.push_back(token);
  }

  void bad(const Token& token) {
    if (token.text == "/*") {
      reporter_.error(token.place, "the comment is never closed",
                      "the rest of the file is not read", "add */");
    } else if (token.text.size() > 4) {
      reporter_.error(token.place, "a name of more than 1024 characters", "it is skipped");
    } else if (token.text.ends_with('"') || token.text.ends_with('\'')) {
      reporter_.error(token.place, "the quoted text does not end on its line",
                      "the line cannot be read", "close the quotes");
    } else if (token.text == "\xE2\x80\x93" || token.text == "\xE2\x80\x91") {
      Token dash = token;  // a hyphen that a word processor turned into a dash
      dash.kind = Token::Kind::kPunctuation;
      dash.text = "-";
      put(dash);
    } else {
      reporter_.warn(token.place, "a character that IDL has no use for is skipped", {},
                     "remove it");
    }
  }

  std::vector<Token> rest_of_line() {
    std::vector<Token> line;
    while (!ahead_.is_end() && !ahead_.first_on_line) {
      Token token = take();
      if (line.size() < 65536) line.push_back(token);
    }
    return line;
  }

  void directive() {
    take();  // '#'
    if (ahead_.first_on_line) return;
    const Token name = take();
    const std::vector<Token> line = rest_of_line();
    if (name.is("if")) return open(name, !skipping() && condition(name, line));
    if (name.is("ifdef")) return open(name, !line.empty() && macros_.contains(line[0].text));
    if (name.is("ifndef")) return open(name, line.empty() || !macros_.contains(line[0].text));
    if (name.is("elif") || name.is("else") || name.is("endif")) return branch(name, line);
    if (skipping() || name.is("pragma") || name.is("line")) return;
    if (name.is("define")) return define(name, line);
    if (name.is("undef")) {
      if (!line.empty()) macros_.erase(line[0].text);
    } else if (name.is("include")) {
      if (!line.empty() && line[0].kind == Token::Kind::kString &&
          line[0].text.ends_with(".idl\"")) {
        put({Token::Kind::kIdentifier, true, name.place, "import"});
        put(line[0]);
        put({Token::Kind::kPunctuation, false, line[0].place, ";"});
      } else {
        reporter_.note(name.place, "#include of something other than IDL is skipped");
      }
    } else if (name.is("error")) {
      reporter_.warn(name.place, "#error " + spell(line));
    } else {
      reporter_.warn(name.place, "unknown directive #" + std::string(name.text) + " is skipped");
    }
  }

  void open(const Token& name, bool value) {
    if (conditions_.size() >= kConditionalDepth) {
      reporter_.error(name.place, "#if is nested too deeply", "the rest of the file is not read");
      exhausted_ = true;
      ahead_ = {Token::Kind::kEnd, true, name.place, {}};
      return;
    }
    const bool outer = !skipping();
    conditions_.push_back({outer && value, !outer || value, name.place});
  }

  void branch(const Token& name, const std::vector<Token>& line) {
    if (conditions_.empty()) {
      reporter_.warn(name.place, "#" + std::string(name.text) + " without #if is skipped");
      return;
    }
    Condition& top = conditions_.back();
    if (name.is("endif")) {
      conditions_.pop_back();
    } else {
      top.active = !top.satisfied && (name.is("else") || condition(name, line));
      top.satisfied = top.satisfied || top.active;
    }
  }

  /// Value of an #if line: defined() first, then macros by their bodies, other names are 0.
  bool condition(const Token& name, const std::vector<Token>& line) {
    static const Token kOne{Token::Kind::kNumber, false, {}, "1"},
        kZero{Token::Kind::kNumber, false, {}, "0"};
    std::vector<Token> tokens;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (!line[i].is("defined")) {
        tokens.push_back(line[i]);
        continue;
      }
      const bool parenthesis = i + 1 < line.size() && line[i + 1].is("(");
      i += parenthesis ? 2 : 1;
      tokens.push_back(i < line.size() && macros_.contains(line[i].text) ? kOne : kZero);
      if (parenthesis && i + 1 < line.size() && line[i + 1].is(")")) ++i;
    }
    for (std::size_t round = 0; round < kMacroDepth; ++round) {
      std::vector<Token> next;
      bool changed = false;
      for (const Token& token : tokens) {
        const auto macro = token.is_identifier() ? macros_.find(token.text) : macros_.end();
        if (macro == macros_.end() || macro->second.function_like || next.size() > 4096) {
          next.push_back(token);
        } else {
          next.insert(next.end(), macro->second.body.begin(), macro->second.body.end());
          changed = true;
        }
      }
      tokens = std::move(next);
      if (!changed || tokens.size() > 4096) break;
    }
    std::optional<ExpressionError> error;
    const Expression expression = parse_expression(tokens, {}, error);
    if (error) {
      reporter_.warn(name.place, "#" + std::string(name.text) +
                                     " is not understood and taken as false: " + error->message);
      return false;
    }
    return expression.evaluate([](std::string_view) { return std::optional<std::int64_t>(0); })
               .value_or(0) != 0;
  }

  void define(const Token& name, const std::vector<Token>& line) {
    if (line.empty() || !line[0].is_identifier()) {
      reporter_.warn(name.place, "#define without a name is skipped");
      return;
    }
    Macro macro;
    std::size_t body = 1;
    const char* after_name = line[0].text.data() + line[0].text.size();
    if (line.size() > 1 && line[1].is("(") && line[1].text.data() == after_name) {
      macro.function_like = true;
      for (body = 2; body < line.size() && !line[body].is(")"); ++body) {
        if (line[body].is_identifier()) macro.parameters.push_back(line[body].text);
      }
      ++body;
    }
    if (body < line.size())
      macro.body.assign(line.begin() + static_cast<std::ptrdiff_t>(body), line.end());
    std::erase_if(macro.body, [](const Token& t) { return t.kind == Token::Kind::kBad; });
    macros_.insert_or_assign(line[0].text, std::move(macro));
  }

  /// A macro's tokens waiting to be read, and which macro they came from.
  struct Frame {
    std::string_view macro;
    std::vector<Token> tokens;
    std::size_t at = 0;
  };

  /// The next token of an expansion: from the frames, or from the file when they are used up (a
  /// function-like macro's arguments may lie behind its name in the file).
  const Token* next_of(std::vector<Frame>& frames) const {
    for (std::size_t i = frames.size(); i-- > 0;) {
      if (frames[i].at < frames[i].tokens.size()) return &frames[i].tokens[frames[i].at];
    }
    return &ahead_;
  }
  Token take_of(std::vector<Frame>& frames) {
    while (!frames.empty() && frames.back().at == frames.back().tokens.size()) frames.pop_back();
    if (frames.empty()) return take();
    return frames.back().tokens[frames.back().at++];
  }

  void expand(const Token& use) {
    std::vector<Frame> frames;
    if (!enter(frames, use)) return put(use);
    while (!exhausted_) {
      while (!frames.empty() && frames.back().at == frames.back().tokens.size()) frames.pop_back();
      if (frames.empty()) return;
      Token token = frames.back().tokens[frames.back().at++];
      token.place = use.place;  // a mistake in an expansion is shown where the macro is used
      if (!token.is_identifier() || !macros_.contains(token.text) || !enter(frames, token))
        put(token);
    }
  }

  /// `a ## b` becomes ab.
  void paste(std::vector<Token>& tokens) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i].is("##") && kept > 0 && i + 1 < tokens.size()) {
        Token& left = tokens[kept - 1];
        if (left.text.size() + tokens[i + 1].text.size() > 256) continue;
        left.text = macros_.pasted.emplace_back(std::string(left.text).append(tokens[i + 1].text));
        ++i;
      } else {
        tokens[kept++] = tokens[i];
      }
    }
    tokens.resize(kept);
  }

  bool enter(std::vector<Frame>& frames, const Token& use) {
    const Macro& macro = macros_.find(use.text)->second;
    if (frames.size() >= kMacroDepth || budget_ < macro.body.size()) return false;
    if (std::ranges::find(frames, use.text, &Frame::macro) != frames.end()) return false;
    if (!macro.function_like) {
      budget_ -= budget_ ? 1 : 0;  // so that macros with empty bodies cost something too
      frames.push_back({use.text, macro.body});
      return true;
    }
    if (!next_of(frames)->is("(")) return false;
    take_of(frames);
    std::vector<std::vector<Token>> arguments(1);
    std::size_t depth = 1, size = 0;
    while (true) {
      if (next_of(frames)->is_end() || ++size > 4096) break;
      Token token = take_of(frames);
      if (token.is("(")) ++depth;
      if (token.is(")") && --depth == 0) break;
      if (token.is(",") && depth == 1) {
        arguments.emplace_back();
      } else {
        arguments.back().push_back(token);
      }
    }
    Frame frame{use.text, {}};
    for (const Token& token : macro.body) {
      const auto parameter = std::ranges::find(macro.parameters, token.text);
      const auto index = static_cast<std::size_t>(parameter - macro.parameters.begin());
      if (!token.is_identifier() || parameter == macro.parameters.end()) {
        frame.tokens.push_back(token);
      } else if (index < arguments.size() &&
                 frame.tokens.size() + arguments[index].size() < budget_) {
        frame.tokens.insert(frame.tokens.end(), arguments[index].begin(), arguments[index].end());
      }
    }
    paste(frame.tokens);
    budget_ -=
        std::min(budget_, frame.tokens.size());  // what is built costs, even if it is not put out
    frames.push_back(std::move(frame));
    return true;
  }

  Lexer lexer_;
  Macros& macros_;
  std::size_t& budget_;
  Reporter& reporter_;
  Token ahead_;
  std::vector<Token> out_;
  std::vector<Condition> conditions_;
  int annotation_ = 0;
  bool exhausted_ = false;
};

}  // namespace

std::vector<Token> preprocess(std::string_view text, std::uint32_t file, Macros& macros,
                              std::size_t& budget, Reporter& reporter) {
  return Preprocessor(text, file, macros, budget, reporter).run();
}

}  // namespace rpcmarshal::idl
