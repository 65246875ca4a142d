from xml.etree import ElementTree as ET

from benchmarks.service.stages_chart import Bar, svg


def test_the_chart_labels_each_stage_with_its_milliseconds() -> None:
    bar = Bar("one text & more", {"http": 1, "queue": 2, "decode": 0, "embed": 30, "search": 3})

    drawn = ET.fromstring("\n".join(svg([bar])))

    texts = {element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {"one text & more", "30.0", "36.0"} <= texts
