"""Pictures of screws, holes and burn marks, rendered from a seed, with a box around each.

    surface -> clutter -> things (height, albedo, metal) -> shade -> camera -> JPEG + boxes

A picture is a field of heights with colours, lit from one side under a made-up sky, seen by a tilted camera.
Honest scope: one viewing direction near the vertical, no mirror images of real rooms, no depth of field.
"""
