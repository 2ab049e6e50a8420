"""The two painted scenes: a mountain lake and a still life. Standard library only.

Each returns (width, height, bytearray of RGB). They are drawn at twice their final
size; make.py scales them down, which smooths the edges.
"""

import math
import random


def mix(a, b, t):
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


def smooth(low, high, v):
    t = min(1.0, max(0.0, (v - low) / (high - low)))
    return t * t * (3 - 2 * t)


class Noise:
    """Value noise on a lattice, 0..1, always the same for the same seed."""

    def __init__(self, seed):
        rnd = random.Random(seed)
        self.perm = list(range(256))
        rnd.shuffle(self.perm)
        self.perm *= 2
        self.value = [rnd.random() for _ in range(256)]

    def at(self, x, y):
        fx, fy = math.floor(x), math.floor(y)
        x -= fx
        y -= fy
        x = x * x * (3 - 2 * x)
        y = y * y * (3 - 2 * y)
        perm, value = self.perm, self.value
        i, j = fx & 255, fy & 255
        p, q = perm[i], perm[(i + 1) & 255]
        a, b = value[perm[p + j]], value[perm[q + j]]
        j = (j + 1) & 255
        c, d = value[perm[p + j]], value[perm[q + j]]
        a += (b - a) * x
        c += (d - c) * x
        return a + (c - a) * y

    def sum(self, x, y, octaves):
        total, weight, norm = 0.0, 1.0, 0.0
        for _ in range(octaves):
            total += weight * self.at(x, y)
            norm += weight
            weight *= 0.5
            x, y = 1.6 * x + 1.2 * y + 5.3, 1.6 * y - 1.2 * x + 1.7
        return total / norm

    def ridges(self, x, y, octaves):
        total, weight, norm, last = 0.0, 1.0, 0.0, 1.0
        for _ in range(octaves):
            v = 1 - abs(2 * self.at(x, y) - 1)
            v *= v
            total += weight * v * last
            norm += weight
            last = min(1.0, 1.6 * v)
            weight *= 0.5
            x, y = 1.6 * x + 1.2 * y + 5.3, 1.6 * y - 1.2 * x + 1.7
        return total / norm


def store(data, at, colour, grain):
    for c in range(3):
        data[at + c] = min(255, max(0, int(255 * colour[c] + grain + 0.5)))


def landscape(width=960, height=640):
    noise = Noise(21)
    rnd = random.Random(4)
    horizon = 0.62 * height
    focal = 0.95 * width
    sun = (0.73 * width, 0.17 * height)
    light = (0.80, 0.46, -0.38)
    haze = (0.60, 0.66, 0.74)

    def ground(x, z, octaves):
        # A valley with a lake in it, mountains growing behind.
        far = smooth(6.5, 15.0, z + 0.9 * noise.at(x * 0.5, 3.1))
        side = smooth(2.2, 8.0, abs(x + 0.5))
        rise = max(far, 0.55 * side * smooth(3.0, 7.0, z))
        peak = math.exp(-((x + 2.3) / 3.2) ** 2 - ((z - 16.0) / 4.5) ** 2)
        h = noise.ridges(x * 0.21 + 7.3, z * 0.21 + 1.9, octaves)
        return rise * (0.25 + 3.3 * h + 3.1 * peak * (0.55 + 0.8 * h)) - 0.12 * (1 - rise)

    def sky(px, py):
        t = min(1.0, py / horizon)
        colour = mix((0.16, 0.33, 0.60), (0.56, 0.66, 0.78), t)
        d = math.hypot(px - sun[0], py - sun[1]) / width
        glow = math.exp(-d * 15.0)
        colour = mix(colour, (1.0, 0.96, 0.84), min(1.0, 0.75 * glow))
        depth = 1.0 / (0.10 + max(0.0, 1.08 - t))
        u = (px / width - 0.5) * depth * 2.4
        cloud = noise.sum(u + 31.0, depth * 2.2 + 11.0, 6)
        cover = smooth(0.50, 0.74, cloud) * (1 - 0.35 * t)
        lit = noise.sum(u + 31.16, depth * 2.2 + 10.86, 4)
        shade = 0.90 + 1.5 * (cloud - lit)
        white = (min(1.0, shade), min(1.0, shade * 0.99), min(1.0, shade * 0.98))
        colour = mix(colour, white, 0.80 * cover)
        return mix(colour, (1.0, 1.0, 0.97), 1 - smooth(0.021, 0.025, d))

    picture = [[None] * width for _ in range(height)]
    water = [[0.0] * width for _ in range(height)]
    eye = 0.36
    for px in range(width):
        slope = (px + 0.5 - width / 2) / focal
        top = height
        z = before = 1.0
        step = 0.0
        while z < 34.0 and top > 0:
            x = slope * z
            h = ground(x, z, 7)
            wet = h <= 0.0
            h = max(h, 0.0)
            py = max(0, int(horizon - (h - eye) * focal / z))
            if top - py > 3 and not wet and step > 0.0006 * z:
                step *= 0.5  # a steep face: look at it more closely
                z = before + step
                continue
            if py < top:
                if wet:
                    for y in range(py, top):
                        water[y][px] = z
                else:
                    e = 0.004 * z
                    nx = h - ground(x + e, z, 7)
                    nz = h - ground(x, z + e, 7)
                    ny = e
                    n = math.sqrt(nx * nx + ny * ny + nz * nz)
                    sunny = (nx * light[0] + ny * light[1] + nz * light[2]) / n
                    steep = 1 - ny / n
                    spot = noise.sum(x * 5.0, z * 5.0, 4)
                    rock = mix((0.38, 0.34, 0.31), (0.66, 0.60, 0.54), spot)
                    wood = mix((0.15, 0.23, 0.10), (0.72, 0.80, 0.40), noise.at(x * 23, z * 23) * spot * 1.7)
                    colour = mix(wood, rock, smooth(0.75, 1.45, h + 0.9 * (spot - 0.5)))
                    snow = smooth(1.9, 2.7, h + 1.3 * (spot - 0.5)) * (1 - smooth(0.62, 0.86, steep))
                    colour = mix(colour, (0.97, 0.98, 1.0), snow)
                    bright = 0.38 - 0.15 * snow + (0.95 - 0.22 * snow) * max(0.0, sunny)
                    colour = (colour[0] * bright * 1.03, colour[1] * bright, colour[2] * (bright * 0.92 + 0.06))
                    colour = mix(colour, haze, 0.62 * (1 - math.exp(-max(0.0, z - 5.0) / 16.0)))
                    for y in range(py, top):
                        picture[y][px] = colour
                top = py
            before = z
            step = min(0.0065 * z, max(2 * step, 0.0006 * z))
            z += step
        for y in range(top):
            picture[y][px] = sky(px, y)

    # The lake mirrors what stands above it, broken up by ripples that grow towards us.
    for y in range(height):
        near = max(0.0, (y - horizon) / (height - horizon))
        for px in range(width):
            z = water[y][px]
            if z == 0.0:
                continue
            x = (px - width / 2) / focal * z
            ripple = noise.sum(x * 3.0, z * 16.0, 3) - 0.5
            breeze = smooth(0.52, 0.66, noise.sum(x * 0.5 + 9, z * 1.7, 3))
            shift = ripple * (6 + 60 * near) * (0.5 + breeze)
            sy = int(2 * horizon - y + shift)
            sx = min(width - 1, max(0, int(px + 0.35 * shift)))
            sy = min(int(horizon) - 1, max(0, sy))
            colour = picture[sy][sx] or haze
            colour = mix(colour, (0.32, 0.44, 0.52), 0.18 + 0.35 * near)
            colour = mix(colour, (0.74, 0.80, 0.86), 0.25 * breeze * (1 - near))
            glint = math.exp(-((px - sun[0]) / (0.035 * width + 0.05 * width * near)) ** 2)
            colour = mix(colour, (1.0, 0.98, 0.90), min(1.0, glint * smooth(0.05, 0.22, ripple) * 0.9))
            picture[y][px] = colour

    # The near bank, and firs on it: dark against the bright lake.
    for px in range(width):
        u = px / width
        edge = height * (0.975 - 0.10 * smooth(0.45, 0.0, u) - 0.06 * smooth(0.62, 1.0, u)
                         - 0.03 * noise.sum(u * 9, 2.0, 4))
        for y in range(max(0, int(edge)), height):
            t = noise.sum(px * 0.09, y * 0.16, 4)
            grass = mix((0.06, 0.08, 0.04), (0.86, 0.84, 0.42), smooth(0.36, 0.68, t) * (0.35 + 0.65 * u))
            picture[y][px] = grass

    def fir(foot_x, foot_y, tall):
        for y in range(max(0, int(foot_y - tall)), min(height, int(foot_y))):
            t = max(0.0, (y - foot_y + tall) / tall)
            whorls = 6 + tall / 22
            for side in (-1, 1):
                phase = t * whorls + 0.35 * side + noise.at(foot_x * 0.7 + side, t * whorls)
                tier = phase - math.floor(phase)
                reach = tall * 0.21 * t ** 0.8 * (0.35 + 0.65 * tier) * (0.7 + 0.6 * noise.at(foot_x + side * 9.7, t * whorls * 1.3))
                if t > 0.94:
                    reach = tall * 0.018
                reach += 1.0
                for k in range(int(reach) + 1):
                    px = int(foot_x + side * k)
                    if not 0 <= px < width:
                        continue
                    leaf = noise.at(px * 0.45, y * 0.6)
                    if k > 2 and leaf < 0.62 * (k / reach) ** 2:
                        continue
                    lit = smooth(0.45, 0.9, leaf) * (0.9 if side > 0 else 0.25) * (k / reach) * (1 - 0.5 * tier)
                    picture[y][px] = mix((0.02, 0.045, 0.03), (0.30, 0.38, 0.17), lit)

    for u, foot, tall in ((0.305, 0.945, 0.20), (0.245, 0.935, 0.33), (0.02, 0.92, 0.56), (0.185, 0.935, 0.46),
                          (0.955, 0.96, 0.26), (0.085, 0.95, 0.72), (0.995, 0.97, 0.38), (0.90, 0.968, 0.14)):
        fir(u * width, foot * height, tall * height)

    data = bytearray(3 * width * height)
    for y in range(height):
        for px in range(width):
            vignette = 1 - 0.10 * (((px / width - 0.5) ** 2 + (y / height - 0.5) ** 2) * 2) ** 1.5
            c = picture[y][px] or haze
            store(data, 3 * (y * width + px), (c[0] * vignette, c[1] * vignette, c[2] * vignette), rnd.gauss(0, 5))
    return width, height, data


class Turned:
    """A pot from the wheel: its radius over its height, by smooth interpolation of a profile."""

    STEPS = 240

    def __init__(self, x, z, profile, paint):
        self.x, self.z, self.paint = x, z, paint
        self.tall = profile[-1][0]
        self.radius = []
        for k in range(self.STEPS + 1):
            y = self.tall * k / self.STEPS
            i = 0
            while i < len(profile) - 2 and y > profile[i + 1][0]:
                i += 1
            (y0, r0), (y1, r1) = profile[i], profile[i + 1]
            t = (y - y0) / (y1 - y0)
            s0 = (r1 - profile[i - 1][1]) / (y1 - profile[i - 1][0]) * (y1 - y0) if i else r1 - r0
            s1 = (profile[i + 2][1] - r0) / (profile[i + 2][0] - y0) * (y1 - y0) if i + 2 < len(profile) else r1 - r0
            self.radius.append((2 * t ** 3 - 3 * t * t + 1) * r0 + (t ** 3 - 2 * t * t + t) * s0
                               + (3 * t * t - 2 * t ** 3) * r1 + (t ** 3 - t * t) * s1)
        # Dividing by the length of the slope makes the distance safe to step by.
        h = self.tall / self.STEPS
        self.scale = [1 / math.sqrt(1 + max(abs(self.radius[min(self.STEPS, k + 6)] - self.radius[max(0, k - 6)]) / (12 * h),
                                            0.3) ** 2) for k in range(self.STEPS + 1)]
        wide = max(self.radius)
        self.centre = (x, self.tall / 2, z)
        self.reach = math.hypot(self.tall / 2, wide) + 0.02

    def distance(self, x, y, z):
        rho = math.hypot(x - self.x, z - self.z)
        k = y / self.tall * self.STEPS
        if k < 0:
            return math.hypot(max(0.0, rho - self.radius[0]), y)
        if k >= self.STEPS:
            return math.hypot(max(0.0, rho - self.radius[-1]), y - self.tall) + 0.0005
        i = int(k)
        r = self.radius[i] + (self.radius[i + 1] - self.radius[i]) * (k - i)
        return (rho - r) * self.scale[i] * 0.95


class Apple:
    """A circle turned about an axis inside it, which leaves the dimples; plus a stalk."""

    def __init__(self, x, z, size, paint, lean=0.0):
        self.x, self.z, self.size, self.paint, self.lean = x, z, size, paint, lean
        self.centre = (x, size * 0.9, z)
        self.reach = size * 1.6

    def distance(self, x, y, z):
        s = self.size
        x, y, z = (x - self.x) / s, y / s - 0.84, (z - self.z) / s
        x, y = x * math.cos(self.lean) + y * math.sin(self.lean), y * math.cos(self.lean) - x * math.sin(self.lean)
        rho = math.hypot(x, z)
        squeeze = 1 + 0.09 * y
        body = (math.hypot(rho / squeeze - 0.42, y * 0.97) - 0.72) * 0.86
        t = min(1.0, max(0.0, (y - 0.3) / 0.75))
        stalk = math.hypot(math.hypot(x - 0.16 * t * t, z), y - 0.3 - 0.75 * t) - 0.035 - 0.02 * t
        return min(body, stalk) * s


class Pear:
    def __init__(self, x, z, size, paint):
        self.x, self.z, self.size, self.paint = x, z, size, paint
        self.centre = (x, size * 1.3, z)
        self.reach = size * 1.75

    def distance(self, x, y, z):
        s = self.size
        x, y, z = (x - self.x) / s, y / s, (z - self.z) / s
        bend = 0.10 * max(0.0, y - 0.9) ** 2
        x -= bend
        a = math.hypot(math.hypot(x, z), y - 0.92) - 0.93
        b = math.hypot(math.hypot(x, z), y - 1.95) - 0.46
        k = 0.62
        h = max(0.0, k - abs(a - b)) / k
        body = (min(a, b) - h * h * k * 0.25) * 0.9
        t = min(1.0, max(0.0, (y - 2.3) / 0.6))
        stalk = math.hypot(math.hypot(x - 0.15 * t, z), y - 2.3 - 0.6 * t) - 0.04
        return min(body, stalk) * s


def still_life(width=640, height=960):
    noise = Noise(8)
    rnd = random.Random(15)

    def clay(x, y, z, here):
        spot = noise.sum(x * 14, y * 14 + z * 9, 4)
        band = smooth(1.02, 1.05, y) * smooth(1.30, 1.27, y)
        zig = abs((math.atan2(z - here.z, x - here.x) * 14 / math.pi) % 2 - 1)
        line = smooth(0.05, 0.02, abs(y - 1.09 - 0.14 * zig) - 0.012)
        colour = mix((0.80, 0.74, 0.64), (0.93, 0.89, 0.80), spot)
        colour = mix(colour, (0.22, 0.33, 0.50), band)
        return mix(colour, (0.93, 0.89, 0.80), band * line), 0.35, 40

    def glass(x, y, z, here):
        return mix((0.09, 0.22, 0.15), (0.17, 0.34, 0.22), noise.sum(x * 6, y * 6, 2)), 1.6, 90

    def bowl(x, y, z, here):
        spot = noise.sum(x * 22, y * 22 + z * 14, 4)
        rim = smooth(0.50, 0.52, y)
        if y > 0.56 and math.hypot(x - here.x, z - here.z) < 0.525:
            return (0.20, 0.11, 0.07), 0.0, 10
        return mix(mix((0.60, 0.33, 0.20), (0.76, 0.47, 0.30), spot), (0.90, 0.82, 0.70), rim), 0.3, 30

    def red(x, y, z, here):
        if math.hypot(x - here.x, z - here.z) < 0.13 * here.size and y > 1.3 * here.size:
            return (0.24, 0.16, 0.09), 0.0, 10
        turn = math.atan2(z - here.z, x - here.x)
        streak = noise.sum(turn * 5, y * 1.8, 4)
        blush = smooth(0.38, 0.68, streak * 0.7 + 0.3 * noise.at(turn * 0.8, 7) + 0.12 * (y / here.size - 1))
        speck = smooth(0.80, 0.9, noise.at(x * 60 + z * 30, y * 60))
        return mix(mix((0.66, 0.13, 0.10), (0.90, 0.70, 0.30), blush), (0.95, 0.82, 0.55), 0.6 * speck), 0.8, 60

    def yellow(x, y, z, here):
        if y > 2.42 * here.size:
            return (0.25, 0.17, 0.09), 0.0, 10
        speck = smooth(0.70, 0.86, noise.at(x * 50 + z * 21, y * 50))
        blush = smooth(0.45, 0.75, noise.sum(x * 4 + 3, y * 4 + z * 3, 3))
        return mix(mix((0.80, 0.74, 0.28), (0.74, 0.50, 0.18), blush), (0.38, 0.30, 0.12), 0.55 * speck), 0.45, 35

    def cherry(x, y, z, here):
        if y > 1.62 * here.size:
            return (0.42, 0.46, 0.18), 0.0, 10
        return (0.42, 0.05, 0.07), 1.2, 70

    things = [
        Turned(-0.42, 0.55, [(0, 0.40), (0.05, 0.44), (0.5, 0.72), (0.95, 0.80), (1.4, 0.62), (1.8, 0.33), (2.05, 0.26),
                             (2.25, 0.33), (2.30, 0.37)], clay),
        Turned(0.62, 0.95, [(0, 0.36), (0.04, 0.385), (0.3, 0.39), (1.35, 0.39), (1.62, 0.34), (1.85, 0.17), (2.1, 0.125),
                            (2.72, 0.115), (2.76, 0.15), (2.86, 0.15), (2.88, 0.13)], glass),
        Turned(0.78, -0.30, [(0, 0.22), (0.06, 0.24), (0.2, 0.38), (0.4, 0.53), (0.55, 0.58), (0.57, 0.57)], bowl),
        Apple(-0.72, -0.62, 0.30, red, 0.25),
        Apple(0.10, -0.98, 0.27, red, -0.35),
        Apple(0.60, -1.20, 0.105, cherry, 0.5),
        Apple(0.84, -1.10, 0.11, cherry, -0.4),
        Apple(0.76, -1.38, 0.10, cherry, 0.2),
        Pear(-0.13, -0.38, 0.335, yellow),
    ]
    fruit = Apple(0.0, 0.0, 0.27, red, 0.2)

    class Raised:
        """The same fruit, lying in the bowl."""

        def __init__(self, thing, x, y, z):
            self.thing, self.at = thing, (x, y, z)
            self.centre = (x, y + thing.centre[1], z)
            self.reach = thing.reach

        def distance(self, x, y, z):
            return self.thing.distance(x - self.at[0], y - self.at[1], z - self.at[2])

        def paint(self, x, y, z, here):
            return self.thing.paint(x - self.at[0], y - self.at[1], z - self.at[2], self.thing)

    things += [Raised(fruit, 0.62, 0.36, -0.22), Raised(Apple(0.0, 0.0, 0.25, red, -0.5), 0.98, 0.38, -0.28)]

    def inside(thing, o, d):
        """The stretch of the ray that crosses the ball around the thing."""
        c = thing.centre
        x, y, z = o[0] - c[0], o[1] - c[1], o[2] - c[2]
        b = x * d[0] + y * d[1] + z * d[2]
        q = b * b - (x * x + y * y + z * z - thing.reach ** 2)
        if q <= 0 or -b + math.sqrt(q) <= 0:
            return None
        q = math.sqrt(q)
        return max(0.0, -b - q), -b + q

    def first(o, d):
        best, found = 1e9, None
        for thing in things:
            span = inside(thing, o, d)
            if span is None or span[0] > best:
                continue
            t, end = span
            for _ in range(160):
                s = thing.distance(o[0] + d[0] * t, o[1] + d[1] * t, o[2] + d[2] * t)
                if s < 0.0008:
                    if t < best:
                        best, found = t, thing
                    break
                t += max(s, 0.0006)
                if t > end or t > best:
                    break
        return best, found

    def unit(v):
        n = math.sqrt(v[0] ** 2 + v[1] ** 2 + v[2] ** 2)
        return (v[0] / n, v[1] / n, v[2] / n)

    window = unit((-0.74, 0.62, -0.42))

    def lit(p, away):
        """How much of the window is seen from p: the nearer a thing is to the ray, the less."""
        light = 1.0
        for thing in things:
            span = inside(thing, p, window)
            if span is None:
                continue
            t, end = max(span[0], away), span[1]
            for _ in range(60):
                s = thing.distance(p[0] + window[0] * t, p[1] + window[1] * t, p[2] + window[2] * t)
                light = min(light, 0.5 + 0.5 * s * 6.5 / t)
                if light < 0.02 or t > end:
                    break
                t += min(0.25, max(0.012, abs(s) * 0.9))
        light = max(0.0, light)
        return light * light * (3 - 2 * light)

    def shut_in(p, n):
        """Corners get less light from the room."""
        dark = 0.0
        for far in (0.06, 0.16, 0.34):
            x, y, z = p[0] + n[0] * far, p[1] + n[1] * far, p[2] + n[2] * far
            near = y
            for thing in things:
                c = thing.centre
                if (x - c[0]) ** 2 + (y - c[1]) ** 2 + (z - c[2]) ** 2 < (thing.reach + far) ** 2:
                    near = min(near, thing.distance(x, y, z))
            dark += max(0.0, far - near) / far
        return 1 - 0.27 * dark

    eye = (0.05, 2.55, -6.6)
    ahead = unit((0.015, -0.212, 1.0))
    right = unit((ahead[2], 0.0, -ahead[0]))
    up = (ahead[1] * right[2] - ahead[2] * right[1], ahead[2] * right[0] - ahead[0] * right[2],
          ahead[0] * right[1] - ahead[1] * right[0])
    wall = 3.0
    data = bytearray(3 * width * height)
    for py in range(height):
        for px in range(width):
            u = (px + 0.5 - width / 2) / width * 0.465
            v = (height / 2 - py - 0.5) / width * 0.465
            d = unit((ahead[0] + u * right[0] + v * up[0], ahead[1] + v * up[1], ahead[2] + u * right[2] + v * up[2]))
            t, thing = first(eye, d)
            if thing:
                p = (eye[0] + d[0] * t, eye[1] + d[1] * t, eye[2] + d[2] * t)
                e = 0.002
                f = thing.distance
                n = unit((f(p[0] + e, p[1], p[2]) - f(p[0] - e, p[1], p[2]),
                          f(p[0], p[1] + e, p[2]) - f(p[0], p[1] - e, p[2]),
                          f(p[0], p[1], p[2] + e) - f(p[0], p[1], p[2] - e)))
                colour, gloss, sharp = thing.paint(p[0], p[1], p[2], thing)
                face = n[0] * window[0] + n[1] * window[1] + n[2] * window[2]
                seen = lit((p[0] + n[0] * 0.01, p[1] + n[1] * 0.01, p[2] + n[2] * 0.01), 0.02) if face > 0 else 0.0
                room = (0.30 + 0.10 * n[1] + 0.04 * n[0]) * shut_in(p, n)
                bright = room + 1.05 * max(0.0, 0.08 + 0.92 * face) * seen
                k = 2 * (n[0] * d[0] + n[1] * d[1] + n[2] * d[2])
                mirror = (d[0] - k * n[0], d[1] - k * n[1], d[2] - k * n[2])
                shine = max(0.0, mirror[0] * window[0] + mirror[1] * window[1] + mirror[2] * window[2])
                edge = (1 + k / 2) ** 4
                spot = gloss * (0.75 * shine ** sharp * seen + 0.22 * max(0.0, edge) * (0.4 + 0.6 * (mirror[0] < 0)))
                colour = tuple(c * bright * w + spot for c, w in zip(colour, (1.02, 1.0, 0.95)))
            else:
                back = (wall - eye[2]) / d[2]
                floor = -eye[1] / d[1] if d[1] < 0 else 1e9
                if floor < back:
                    p = (eye[0] + d[0] * floor, 0.0, eye[2] + d[2] * floor)
                    board = math.floor((p[2] + 9.1) / 0.74)
                    seam = abs((p[2] + 9.1) / 0.74 - board - 0.5)
                    grain = noise.sum(p[0] * 0.7 + board * 17.3, p[2] * 9, 4)
                    rings = 0.5 + 0.5 * math.sin(26 * grain + 3 * p[2])
                    fine = noise.sum(p[0] * 4 + board * 5.1, p[2] * 70, 2)
                    colour = mix((0.50, 0.33, 0.19), (0.86, 0.65, 0.43), 0.45 * rings + 0.55 * fine)
                    colour = mix(colour, (0.16, 0.09, 0.05), 0.8 * smooth(0.482, 0.498, seam))
                    bright = 0.27 * shut_in(p, (0, 1, 0)) + 0.80 * lit(p, 0.01)
                    bright *= 1.06 - 0.08 * (p[0] + 1.5)
                    colour = tuple(c * bright for c in colour)
                else:
                    p = (eye[0] + d[0] * back, eye[1] + d[1] * back, wall)
                    plaster = noise.sum(p[0] * 1.7, p[1] * 1.7, 6)
                    fall = smooth(-2.6, 2.4, p[0] * 0.8 + 0.25 * p[1] - 0.6)
                    # Four panes of the window, thrown aslant on the wall.
                    a, b = p[0] + 0.30 * (p[1] - 3.0) - 0.05, p[1] + 0.42 * p[0] - 2.9
                    pane = 1.0
                    for w, half in ((a, 0.95), (b, 1.15)):
                        pane *= smooth(half + 0.10, half - 0.10, abs(w)) * smooth(0.02, 0.12, abs(w))
                    bright = 0.55 - 0.13 * fall + 0.30 * pane + 0.26 * (plaster - 0.5)
                    bright *= smooth(-0.25, 0.55, p[1]) * 0.25 + 0.75
                    colour = (bright * 1.02, bright * 0.98, bright * 0.88)
            store(data, 3 * (py * width + px), colour, rnd.gauss(0, 5))
    return width, height, data
