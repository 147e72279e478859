"""How close two names are."""


def distance(one: str, other: str, limit: int) -> int:
    """Levenshtein's distance of two words, or `limit` + 1 where it is larger."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        above, row = row, [index]
        for column, against in enumerate(other, 1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (letter != against)))
        if min(row) > limit:
            return limit + 1
    return row[-1]
