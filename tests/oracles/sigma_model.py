"""Evaluates rules as pySigma reads them: modifiers, wildcards and conditions are its work, comparing values with
an event is done here, by docs/detection.md ("What a rule means here"). Slow, and short enough to be read."""
import datetime
import ipaddress
import json
import re

from sigma.conditions import (ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR,
                              ConditionValueExpression)
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import ValueListPlaceholderTransformation
from sigma.types import (CompareOperators, SigmaBool, SigmaCasedString, SigmaCIDRExpression, SigmaCompareExpression,
                         SigmaExists, SigmaExpansion, SigmaFieldReference, SigmaNull, SigmaNumber,
                         SigmaRegularExpression, SigmaRegularExpressionFlag, SigmaString, SigmaTimestampPart,
                         SpecialChars, TimestampPart)

FLAGS = {SigmaRegularExpressionFlag.IGNORECASE: re.I, SigmaRegularExpressionFlag.MULTILINE: re.M,
         SigmaRegularExpressionFlag.DOTALL: re.S}
OPERATORS = {CompareOperators.LT: lambda a, b: a < b, CompareOperators.LTE: lambda a, b: a <= b,
             CompareOperators.GT: lambda a, b: a > b, CompareOperators.GTE: lambda a, b: a >= b}


def prepared(rule, values):
    """`rule` with its placeholders replaced, and a mark on what stands for part of a text; pySigma's errors pass through."""
    ProcessingPipeline(items=[ProcessingItem(ValueListPlaceholderTransformation())],
                       vars={name: list(texts) for name, texts in values.items()}).apply(rule)
    open_items = list(rule.detection.detections.values())
    while open_items:
        item = open_items.pop()
        if hasattr(item, "detection_items"):
            open_items += item.detection_items
        elif {"SigmaContainsModifier", "SigmaStartswithModifier", "SigmaEndswithModifier"} & {
                modifier.__name__ for modifier in item.modifiers}:
            for value in item.value:
                value.placed = True
    return rule


def values_of(event, field):
    """All values of a field but null."""
    value = event
    if field in event:
        value = event[field]
    else:
        for part in field.split("."):
            if not isinstance(value, dict) or part not in value:
                return []
            value = value[part]
    values = value if isinstance(value, list) else [value]
    return [v for v in values if v is not None and not isinstance(v, (dict, list))]


def all_values(event):
    open_values = [event]
    while open_values:
        value = open_values.pop()
        if isinstance(value, dict):
            open_values += value.values()
        elif isinstance(value, list):
            open_values += value
        elif value is not None:
            yield value


def text(value):
    return value if isinstance(value, str) else json.dumps(value)


def number(value):
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    return float(value) if re.fullmatch(r"[-+]?\d+(\.\d+)?", value) else None


class Unresolved(Exception):
    """A placeholder that pySigma left where it was."""


def pattern(string):
    if string.contains_placeholder():
        raise Unresolved("placeholder")
    parts = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}
    return "".join(re.escape(part) if isinstance(part, str) else parts[part] for part in string.s)


def part_of_time(part, value):
    if not isinstance(value, str):
        return None
    try:
        when = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return {TimestampPart.MINUTE: when.minute, TimestampPart.HOUR: when.hour, TimestampPart.DAY: when.day,
            TimestampPart.WEEK: when.isocalendar()[1], TimestampPart.MONTH: when.month,
            TimestampPart.YEAR: when.year}[part]


def value_matches(sigma, value, event):
    """Whether one value, which is there and not null, is what the rule asks for."""
    if isinstance(sigma, SigmaString):
        flags = re.S if isinstance(sigma, SigmaCasedString) else re.S | re.I
        return re.fullmatch(pattern(sigma), text(value), flags) is not None
    if isinstance(sigma, SigmaRegularExpression):
        flags = 0
        for flag in sigma.flags:
            flags |= FLAGS[flag]
        expression = str(sigma.regexp)
        if not getattr(sigma, "placed", False):
            return re.search(expression, text(value), flags) is not None
        # Behind contains, startswith, endswith pySigma has put ".*" where the text goes on, over lines, too.
        if expression.startswith(".*"):
            expression = "(?s:.*)" + expression[2:]
        if expression.endswith(".*") and not expression.endswith("\\.*"):
            expression = expression[:-2] + "(?s:.*)"
        return re.fullmatch(expression, text(value), flags) is not None
    if isinstance(sigma, SigmaTimestampPart):
        return part_of_time(sigma.timestamp_part, value) == sigma.number
    if isinstance(sigma, SigmaNumber):
        return text(value) == str(sigma)  # "007" is a text
    if isinstance(sigma, SigmaBool):
        return text(value).lower() == str(sigma).lower()
    if isinstance(sigma, SigmaCompareExpression):
        if isinstance(sigma.number, SigmaTimestampPart):
            have = part_of_time(sigma.number.timestamp_part, value)
        else:
            have = number(value)
        return have is not None and OPERATORS[sigma.op](have, sigma.number.number)
    if isinstance(sigma, SigmaCIDRExpression):
        try:
            return ipaddress.ip_address(value) in sigma.network
        except ValueError:
            return False
    if isinstance(sigma, SigmaFieldReference):
        ours = text(value).lower()
        for other in values_of(event, sigma.field):
            theirs = text(other).lower()
            if ((sigma.starts_with and sigma.ends_with and theirs in ours) or ours == theirs or
                    (sigma.starts_with and not sigma.ends_with and ours.startswith(theirs)) or
                    (sigma.ends_with and not sigma.starts_with and ours.endswith(theirs))):
                return True
        return False
    raise TypeError(type(sigma))


def holds(sigma, field, event):
    if isinstance(sigma, SigmaExpansion):
        return any(holds(one, field, event) for one in sigma.values)
    values = values_of(event, field)
    if isinstance(sigma, SigmaNull):
        return not values and not has_object(event, field)
    if isinstance(sigma, SigmaExists):
        return bool(sigma) == (bool(values) or has_object(event, field))
    return any(value_matches(sigma, value, event) for value in values)


def has_object(event, field):
    return isinstance(event.get(field), dict)


def keyword(sigma, event):
    if isinstance(sigma, SigmaExpansion):
        return any(keyword(one, event) for one in sigma.values)
    for value in all_values(event):
        if isinstance(sigma, SigmaString):
            flags = re.S if isinstance(sigma, SigmaCasedString) else re.S | re.I
            if re.search(pattern(sigma), text(value), flags):
                return True
        elif isinstance(sigma, SigmaNumber):
            if re.search(rf"(?<!\w){re.escape(str(sigma.number))}(?!\w)", text(value)):
                return True
        elif value_matches(sigma, value, event):
            return True
    return False


def node_matches(node, event):
    """Whether `node` matches; None of what a pipeline left nothing of: pySigma's queries leave it out."""
    if node is None:
        return None
    if isinstance(node, (ConditionAND, ConditionOR)):
        parts = [part for part in (node_matches(arg, event) for arg in node.args) if part is not None]
        if not parts:
            return None
        return all(parts) if isinstance(node, ConditionAND) else any(parts)
    if isinstance(node, ConditionNOT):
        part = node_matches(node.args[0], event)
        return None if part is None else not part
    if isinstance(node, ConditionFieldEqualsValueExpression):
        return holds(node.value, node.field, event)
    if isinstance(node, ConditionValueExpression):
        return keyword(node.value, event)
    raise TypeError(type(node))


def matches(rule, event):
    return any(node_matches(condition.parsed, event) for condition in rule.detection.parsed_condition)
